"""How much of each input is read. What lies beyond a limit is refused, never read half.

``docs/limits.md`` has a table of them, which is made from these constants.
"""

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

CONFIGURATION_BYTES = 8 * MEBIBYTE
"""Of one kubeconfig file."""
CONFIGURATION_VALUES = 200_000
"""In it."""
CREDENTIAL_BYTES = 4 * MEBIBYTE
"""Of a token, a certificate, a key, or a file of certificate authorities."""
MANIFEST_BYTES = 64 * MEBIBYTE
"""Of one manifest file: far above what an API server takes, and small enough to hold."""
EVIDENCE_BYTES = 256 * MEBIBYTE
"""Of a recording, unpacked: a few kilobytes of gzip can unpack to anything."""
REPORT_VALUES = 20_000_000
"""Values in one report that is merged."""
REPORT_FILES = 1_000
"""Reports that are merged into one."""
CONTEXTS = 200
"""Contexts of one run (``--contexts``)."""
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
"""Of one run: the operating system's calls do not accept a much larger number to wait."""

ANSWER_BYTES = 16 * MEBIBYTE
"""Of one answer of the API server, unpacked. A list comes in pages, and smaller ones if need be."""
ANSWER_VALUES = 400_000
"""Values in one answer: three bytes of JSON can become a hundred in memory."""
HEAD_BYTES = 256 * KIBIBYTE
"""Of the headers of an answer."""
PROXIED_BYTES = 64 * KIBIBYTE
"""Of the body of a pod's own answer through the pod proxy, unpacked."""
SMALL_BYTES = 256 * KIBIBYTE
"""Of an answer or an output that waits for no turn; of the larger ones there is one at a time."""
MESSAGE_BYTES = 256 * KIBIBYTE
"""Of one message of a stream, whole."""
OUTPUT_BYTES = 4 * MEBIBYTE
"""Of what a command in a container prints."""
OUTPUT_LINES = 100_000
"""Lines of it."""
LOG_LINES = 20
"""Of one container's log (``--logs``)."""
LOG_BYTES = 64 * KIBIBYTE
"""Of these lines."""
LOGS = 10
"""Logs that are read in one run."""
PLUGIN_BYTES = MEBIBYTE
"""Of what a credential plugin prints, or a kubectl that renews credentials."""
SERVICE_VALUES = 1_000_000
"""Values that are kept of one Service, its pods, endpoints and everything around."""
LIST_OBJECTS = 1_000_000
"""Objects of one list."""
FOREIGN_OBJECTS = 2_000
"""Of a kind, in all namespaces, that are read for one Service; beyond it those of its own."""
SERVICE_PORTS = 1_000
"""Ports of one Service."""
ODD_OBJECTS = 1_000
"""Objects of one list that cannot be read."""
