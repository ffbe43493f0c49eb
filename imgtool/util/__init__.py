"""What every part may use: text, files, locks, forks, progress, YAML. Nothing here knows of images."""
