"""Whole commands: `process` times them (`command`), `stages` says where a command's seconds go."""
