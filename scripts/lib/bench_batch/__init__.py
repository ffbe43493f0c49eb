"""How well `imgtool batch` uses a machine."""
