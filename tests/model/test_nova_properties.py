import pytest

from imgtool.errors import UsageError
from imgtool.model.nova_properties import KNOWN, faults, require_known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hw_disk_bus", "virtio"),
        ("hw_vif_model", "VirtualE1000"),
        ("hw_scsi_model", "virtio-scsi"),
        ("os_type", "Linux"),
        ("hw_qemu_guest_agent", "yes"),
        ("os_require_quiesce", "True"),
        ("hw_machine_type", "pc-q35-7.2"),
        ("hw_machine_type", "q35"),
        ("hw_machine_type", "virt-7.2"),
        ("hw_machine_type", "s390-ccw-virtio"),
        ("hw_cdrom_bus", "scsi"),
        ("architecture", "AMD64"),
        ("hw_cpu_cores", "4"),
        ("img_signature_hash_method", "SHA-256"),
        ("hw_numa_cpus.0", "0-3"),
        ("hw_numa_mem.1", "2048"),
        ("hw_disk_bus", ""),
        ("trait:HW_CPU_X86_AVX2", "required"),
        ("patchlevel", "12"),
        ("os_hidden_feature_of_ours", "1"),
        ("cinder_img_volume_type", "fast"),
    ],
)
def test_what_nova_takes_and_what_is_the_operator_s_passes(name: str, value: str) -> None:
    require_known({name: value})


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("hw_disk_buss", "virtio", "Nova knows no image property hw_disk_buss", "did you mean hw_disk_bus?"),
        ("hw_qemu_guest_agnet", "yes", "hw_qemu_guest_agnet", "did you mean hw_qemu_guest_agent?"),
        ("hw_disk_bus", "floppy", "Nova takes no hw_disk_bus=floppy", "it takes fdc, ide"),
        ("hw_disk_bus", "VIRTIO", "Nova takes no hw_disk_bus=VIRTIO", "did you mean virtio?"),
        ("hw_firmware_type", "efi", "hw_firmware_type=efi", "did you mean uefi?"),
        ("hw_qemu_guest_agent", "enabled", "hw_qemu_guest_agent=enabled", "it takes yes or no"),
        ("hw_machine_type", "q36", "QEMU has no machine type q36", "did you mean q35?"),
        ("hw_machine_type", "Q35", "QEMU has no machine type Q35", "did you mean q35?"),
        ("hw_cdrom_bus", "virtio", "Nova takes no hw_cdrom_bus=virtio", "it takes ide, sata, scsi, usb"),
        ("architecture", "arm64", "Nova takes no architecture=arm64", "did you mean aarch64?"),
        ("hw_cpu_cores", "four", "Nova takes no hw_cpu_cores=four", "it takes a whole number"),
        ("img_signature_hash_method", "sha256", "hash_method=sha256", "did you mean SHA-256?"),
        ("img_hv_type", "kwm", "Nova takes no img_hv_type=kwm", "did you mean kvm?"),
        ("hw_cdrom_bus", "fdc", "Nova takes no hw_cdrom_bus=fdc", "it takes ide, sata, scsi, usb"),
        ("os_type", "bsd", "os_type=bsd", "it takes linux, windows"),
    ],
)
def test_what_is_not_meant_so(name: str, value: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_known({name: value}, "; --insist sets it")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint.endswith("; --insist sets it")


def test_no_known_name_is_taken_for_another() -> None:
    assert list(faults((name, "") for name in KNOWN)) == []
