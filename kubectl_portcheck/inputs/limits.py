"""How much of each input is read. What lies beyond a limit is refused, never read half.

``docs/limits.md`` has a table of them, which is made from these constants.
"""

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

CONFIGURATION_BYTES = 8 * MEBIBYTE
"""Of one kubeconfig file."""
CREDENTIAL_BYTES = 4 * MEBIBYTE
"""Of a token, a certificate, a key, or a file of certificate authorities."""
MANIFEST_BYTES = 64 * MEBIBYTE
"""Of one manifest file: far above what an API server takes, and small enough to hold."""
EVIDENCE_BYTES = 256 * MEBIBYTE
"""Of a recording, unpacked: a few kilobytes of gzip can unpack to anything."""
YAML_DEPTH = 200
"""Levels of nesting; manifests have about twenty."""
ALIAS_VALUES = 100_000
"""Values that aliases may add to those of a document's own text."""
JSON_DEPTH = 100
"""Levels of nesting up to which an object is searched for its name, where it is too deep to be
read."""
JSON_BRACKETS = 1_000_000
"""Brackets and quotes of an answer that are looked at for that."""
MESSAGE_CHARACTERS = 4096
"""Of an event's, a condition's or a status's message; the rest is cut off."""
WAIT_SECONDS = 7 * 24 * 3600.0
"""Of one run: what waits for an operating system's call takes no number that is much larger."""
