"""Signs a person in on their machine and prints tokens for Claude Code (`claude-kit-token`). Needs Python
alone; `keyring`, where it is installed, keeps the session in the key store of the machine.
"""
