"""What is said of block tables that cannot be, in every format that has one."""

SHARED = "the same place in the file to two blocks"
ON_TABLE = "a block where a header or a table is"
BEYOND = "points beyond the file's end"
