"""What every part may use: text, files, locks, progress, YAML. Nothing here knows of images."""
