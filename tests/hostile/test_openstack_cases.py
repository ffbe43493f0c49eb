"""OpenStack's own tests of untrusted images, and which of ours answers which of theirs.

Read at oslo.utils 2efc66ae, cinder 312d98d7, glance 046c738c, ironic 010a199f, and a nova that has the checks
of CVE-2024-32498. Ours is the name of a hostile image (tests/support/hostile), which the tests of this folder
see refused, or a test as pytest names it. Theirs that ask about the inside of their inspector, or about what
only their service does, have no like here: see OTHERS.
"""

import ast
from pathlib import Path

import pytest
from support.hostile import ROWS

TESTS = Path(__file__).parents[1]
GATE = "formats/test_gate.py"
SIZES = f"{GATE}::test_sizes_are_what_qemu_says"
PARTITIONS = f"{GATE}::test_partition_tables_and_isos_are_raw"
UNUSUAL_MBR = "formats/test_acceptance.py::test_an_unusual_mbr_is_a_matter_of_the_raw_format"
CLAIMS = f"{GATE}::test_the_claims_of_names_and_callers"
NO_DISK = f"{GATE}::test_what_is_no_disk_unless_the_caller_insists"
NO_FILE = f"{GATE}::test_what_is_no_file"
ANY_FAILURE = "formats/test_inspector.py::test_a_check_that_crashes_is_unsafe"
FOOTERS = (
    "vmdk_footer_without_its_signature", "vmdk_footer_of_another_version",
    "vmdk_footer_with_a_longer_descriptor", "vmdk_footer_with_another_descriptor",
    "vmdk_footer_that_promises_another", "vmdk_footer_marker_of_another_type",
    "vmdk_footer_marker_with_a_size", "vmdk_end_marker_that_is_none", "vmdk_stream_cut_off",
)  # fmt: skip
KINDS = ("vmdk_flat", "vmdk_split", "vmdk_with_two_create_types")

OSLO_UTILS = {
    "test_format": (SIZES, PARTITIONS),
    "test_subformat": (SIZES, PARTITIONS, f"{GATE}::test_a_vmdk_of_vmwares_tools"),
    "test_bad_iso_qcow2": ("iso_with_a_qcow2_in_its_system_area", "qcow2_over_an_iso"),
    "test_bad_iso_qcow2_multiple_matches": ("qcow2_with_a_boot_signature",),
    "test_from_file_reads_minimum": (f"{GATE}::test_a_huge_sparse_disk_takes_milliseconds",),
    "test_qed_always_unsafe": ("qed",),
    "test_vmdk_non_sparse_unsafe": KINDS,
    "test_vmdk_bad_descriptor_offset": ("vmdk_descriptor_elsewhere",),
    "test_vmdk_bad_descriptor_offset_stream_optimized": ("vmdk_descriptor_elsewhere",),
    "test_vmdk_bad_descriptor_mem_limit": ("vmdk_descriptor_of_no_length", SIZES),
    "test_vmdk_bad_descriptor_mem_limit_stream_optimized": ("vmdk_footer_with_a_longer_descriptor",),
    "test_qcow2_safety_checks": ("backing_file", "external_data_file", "unknown_incompatible_feature"),
    "test_qcow2_feature_flag_checks": ("qcow_version_1", "qcow2_version_4", "incompatible_feature_7"),
    "test_qcow2_future_flags": ("every_incompatible_feature_of_the_future", "extended_l2"),
    "test_vdi": (SIZES,),
    "test_invalid_data": (NO_DISK,),
    "test_invalid_data_without_raw": (NO_DISK,),
    "test_vmdk_invalid_type": ("vmdk_without_a_create_type",),
    "test_vmdk_with_footer": (f"{GATE}::test_a_vmdk_of_vmwares_tools", "vmdk_stream_cut_off"),
    "test_vmdk_footer_checks": FOOTERS,
    "test_vmdk_safety_checks": (
        "vmdk_without_a_create_type", "vmdk_split", "vmdk_with_an_extent_of_no_known_access",
        "vmdk_with_an_extent_by_its_path", "vmdk_without_extents",
    ),
    "test_vmdk_format_checks": ("vmdk_of_an_unknown_version", "vmdk_descriptor_elsewhere", NO_DISK),
    "test_gpt_mbr_check": (
        UNUSUAL_MBR, PARTITIONS,
    ),
    "test_safety_check_records_failure": (ANY_FAILURE,),
    "test_vhd_table_over_limit": ("vhdx_with_too_many_entries",),
    "test_vhd_table_under_limit": (SIZES,),
    "test_check_version_v1_passes": ("luks_1",),
    "test_check_version_v2_raises": ("luks_2",),
    "test_luks_no_passphrase_passes_safety": ("luks_1",),
}  # fmt: skip

CINDER = {
    "test_qcow2": (SIZES,),
    "test_vhd": (SIZES,),
    "test_vhdx": (SIZES,),
    "test_vmdk": (SIZES,),
    "test_vmdk_stream_optimized": (SIZES,),
    "test_vdi": (SIZES,),
    "test_from_file_reads_minimum": OSLO_UTILS["test_from_file_reads_minimum"],
    "test_qed_always_unsafe": ("qed",),
    "test_vmdk_bad_descriptor_offset": ("vmdk_descriptor_elsewhere",),
    "test_vmdk_bad_descriptor_mem_limit": ("vmdk_descriptor_of_no_length",),
    "test_qcow2_safety_checks": ("backing_file", "backing_file_of_version_2"),
    "test_qcow2_feature_flag_checks": OSLO_UTILS["test_qcow2_feature_flag_checks"],
    "test_qcow2_invalid": (NO_DISK,),
    "test_vhd_invalid": (NO_DISK,),
    "test_vhdx_invalid": (NO_DISK,),
    "test_vmdk_invalid": (NO_DISK,),
    "test_vdi_invalid": (NO_DISK,),
    "test_vmdk_invalid_type": ("vmdk_without_a_create_type",),
    "test_vhd_table_over_limit": ("vhdx_with_too_many_entries",),
    "test_vhd_table_under_limit": (SIZES,),
}

NOVA = {
    "test_qemu_info_with_bad_path": (NO_FILE,),
    "test_qemu_info_with_errors": (NO_FILE,),
    "test_qemu_img_info_with_disk_not_found": (f"{GATE}::test_a_change_after_the_gate_is_noticed",),
    "test_convert_image_with_errors": (NO_FILE,),
    "test_convert_image_with_prlimit_fail": ("process/test_programs.py::test_limits_hold",),
    "test_fetch_to_raw_errors": ("truncated", "corrupt_bit"),
    "test_fetch_to_raw_data_file": ("external_data_file", "external_data_file_json"),
    "test_fetch_to_raw_from_raw": (f"{GATE}::test_a_raw_disk",),
    "test_convert_image_vmdk_allowed_list_checking": KINDS,
    "test_fetch_checks_vmdk_rules": KINDS,
    "test_fetch_iso_is_raw": (PARTITIONS,),
    "test_fetch_to_raw_inspector": ("backing_file", "qcow2_named_vmdk", CLAIMS),
    "test_fetch_inspect_unknown_format": (CLAIMS,),
    "test_fetch_inspect_disagrees_qemu": ("qcow2_named_raw", "vmdk_named_raw", CLAIMS),
}

GLANCE = {
    "test_image_convert_success": ("process/test_qemu_img.py::test_convert_reports_how_far_it_is",),
    "test_image_convert_excluded_for_iso": (PARTITIONS,),
    "test_image_convert_iso_lie_raw": ("iso_with_a_qcow2_in_its_system_area",),
    "test_image_convert_iso_lie_qcow2": ("iso_named_qcow2",),
    "test_image_convert_invalid_qcow": ("backing_file",),
    "test_image_convert_invalid_qcow_data_file": ("external_data_file",),
    "test_image_convert_no_inspector_match": (NO_DISK,),
    "test_image_convert_fails_inspection_safety_check": ("qed",),
    "test_image_convert_fails_inspection_format_check": ("qcow2_with_a_boot_signature",),
    "test_image_convert_fails_inspection_error": (ANY_FAILURE,),
    "test_image_convert_invalid_vmdk": KINDS,
    "test_image_convert_valid_vmdk_no_types": KINDS,
    "test_image_convert_fails": ("integration/test_bad_days.py::test_a_write_error",),
    "test_image_convert_reports_fail": ("integration/test_convert_interrupted.py::test_out_of_space",),
    "test_image_convert_fails_source_format": ("qcow2_named_raw", "raw_named_qcow2"),
    "test_image_convert_source_format_inspection_not_match": (CLAIMS,),
    "test_image_convert_ignores_configured_gpt_safety": (UNUSUAL_MBR, PARTITIONS),
}

IRONIC = {
    "test_image_to_raw_not_permitted_format": ("vhd_named_qcow2", "qed", "parallels", "bochs"),
    "test_image_to_raw_fails_safety_check": ("backing_file", "unknown_incompatible_feature"),
    "test_image_to_raw_not_raw_after_conversion": (
        "hostile/test_wherever_it_comes_from.py::test_a_guest_that_writes_another_header",
    ),
    "test_image_to_raw_already_raw_format": (f"{GATE}::test_a_raw_disk",),
    "test_image_to_raw_already_gpt_format": (PARTITIONS,),
    "test_image_to_raw_already_iso": (PARTITIONS,),
    "test_image_to_gpt": (PARTITIONS,),
}

OTHERS = """
The inside of the inspector, which is the same code here (oslo.utils is what imgtool calls): capture regions,
info and inspect wrappers, unique names, parameters, containers, the recovery of LUKS keys.
What the service does around it: downloads, checksums, stores, reverts, direct I/O, ami, aki and ari images;
and switches that turn the inspection off, which imgtool has not.
"""

THEIRS = {"oslo.utils": OSLO_UTILS, "cinder": CINDER, "nova": NOVA, "glance": GLANCE, "ironic": IRONIC}
PAIRS = [
    (f"{project}: {test}", ours)
    for project, tests in THEIRS.items()
    for test, answers in tests.items()
    for ours in answers
]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_each_of_theirs_is_answered(theirs: str, ours: str) -> None:
    """By a hostile image that there is, or a test that there is: a renamed one must be renamed here too."""
    module, colons, name = ours.partition("::")
    if not colons:
        assert ours in ROWS, theirs
        return
    tree = ast.parse((TESTS / module).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, theirs
