"""What keeps the notebooks in shape: rules, badges, setup cell, pictures, homework."""
