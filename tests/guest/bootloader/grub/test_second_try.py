"""A try without an initramfs, noted for the next boot: Ubuntu's cloud images start in this way."""

import pytest
from support.grub import GOOD, environment_block, run_config

TRY = f"""load_env
set timeout=0
function initrdfail {{
  if [ -z "${{initrdfail}}" ]; then set initrdfail=1; fi
  save_env initrdfail
}}
menuentry 'Ubuntu' {{
  if [ "${{initrdfail}}" = 1 ]; then
    linux /boot/vmlinuz-{GOOD} root=LABEL=root ro
    initrd /boot/initrd.img-{GOOD}
  else
    linux /boot/vmlinuz-{GOOD} root=LABEL=root ro panic=-1
  fi
  initrdfail
}}
"""
BLOCK = {"boot/grub/grubenv": environment_block()}


def test_what_the_second_boot_loads_is_judged() -> None:
    run = run_config(TRY, BLOCK)
    assert run.booted is not None
    assert [file.path for file in run.booted.initrds] == [f"/boot/initrd.img-{GOOD}"]
    assert run.booted.entry.options == "root=LABEL=root ro"
    assert "first without an initramfs" in run.reason


@pytest.mark.parametrize(
    ("config", "files"),
    [
        (TRY, {}),
        (TRY.replace("save_env initrdfail", "true"), BLOCK),
        (TRY.replace("panic=-1", "panic=30"), BLOCK),
        (TRY.replace("panic=-1", ""), BLOCK),
    ],
    ids=["no environment block", "nothing is noted", "it waits first", "it stays in the panic"],
)
def test_without_any_of_it_there_is_one_boot(config: str, files: dict[str, str]) -> None:
    run = run_config(config, dict(files))
    assert run.booted is not None
    assert run.booted.initrds == ()
