"""GRUB as GRUB runs it: its script language, its view of the disk, its menu, with nobody at the keyboard.

run.py        a run from what the firmware loads to an entry, a menu that waits, a prompt or an error
lexer.py      lines -> tokens; syntax.py: what parser.py makes of them
expand.py     words -> arguments: variables, quotes, wildcards
machine.py   what a run knows: variables, functions, menus, the kernel that is loaded
execute.py    runs parsed scripts; script.py: a script's text, statement by statement
disks.py      `(hd0,gpt3)`, `(lvm/vg-lv)`, and the files on them
menu.py       the menu: default, timeout, fallback, submenus
commands/     what the commands do

Source: GNU GRUB 2.06 to 2.12 with the patches of Fedora, Debian and SUSE, grub-core.
"""
