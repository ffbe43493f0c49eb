"""Whether the image of the kernel that boots is whole, and for this machine."""

import pytest
from support.grub import run_in
from support.guest_tree import Content, Unreadable, guest_tree
from support.kernel_images import arm64_image, bzimage

from imgtool.guest.booted_kernel import kernel_image_problem
from imgtool.guest.bootloader.choose import choose_kernel
from imgtool.guest.kernels import find_kernels
from imgtool.model.facts import Fact, Known, Unknown

V = "6.1.0-41-amd64"
IMAGE = f"/boot/vmlinuz-{V}"
MENU = f"menuentry a {{\n linux {IMAGE} root=x\n}}\n"


def problem(content: Content, machine: Fact[str] | None = None, menu: str = MENU) -> str | None:
    tree = guest_tree({IMAGE: content, f"/usr/lib/modules/{V}/kernel/x": "", "/boot/grub/grub.cfg": menu})
    kernels = find_kernels(tree)
    architecture = machine or Known("x86_64", "sh")
    return kernel_image_problem(
        tree, choose_kernel(run_in(tree) if menu else None, tree, kernels), kernels[0], architecture
    )


@pytest.mark.parametrize("menu", [MENU, ""])
@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("whole", bzimage(V), None),
        ("signed", bzimage(V) + b"signature", None),
        ("kernel-zero", b"", "the file is empty"),
        ("cut", bzimage(V)[:-1], "cut off"),
        ("cut-in-header", bzimage(V)[:300], "cut off"),
        ("text", b"404 Not Found\n", "not a Linux kernel"),
        ("zeros", bytes(9000), "not a Linux kernel"),
        ("foreign", arm64_image(), "a kernel for aarch64"),
        ("unreadable", Unreadable(), "bad block"),
    ],
)
def test_the_image(name: str, content: Content, says: str | None, menu: str) -> None:
    found = problem(content, menu=menu)
    if says is None:
        assert found is None, name
    else:
        assert found is not None, name
        assert found.startswith(IMAGE)
        assert says in found


@pytest.mark.parametrize(
    ("machine", "content", "good"),
    [
        ("aarch64", arm64_image(), True),
        ("aarch64", bzimage(V), False),
        ("i386", bzimage(V), True),
        ("i686", bzimage(V, is_64=False), True),
        ("riscv64", bzimage(V), False),
    ],
)
def test_the_machine(machine: str, content: bytes, *, good: bool) -> None:
    assert (problem(content, Known(machine, "sh")) is None) is good


def test_of_an_unknown_machine_nothing_is_said() -> None:
    assert problem(arm64_image(), Unknown("no program")) is None
