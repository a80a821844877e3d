"""What a shell may write next: for kubectl's own completion, and for bash, zsh and fish.

``words`` says what is being asked, ``answers`` knows or reads it, ``cache`` keeps what was read
for a few seconds, ``shells`` answers the shell. Nothing here may hang, print an error into the
shell's line, or ask the user anything.
"""
