"""What `utils.runtime` is made of: packages, devices, and rehearsals."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
