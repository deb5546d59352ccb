#!/usr/bin/env python3
"""Runs PROGRAM ARGUMENT… with a scratch folder as its last argument, in memory where there is such a place."""
import os
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory(prefix="stele-crash-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
    sys.exit(subprocess.run([*sys.argv[1:], folder], check=False).returncode)
