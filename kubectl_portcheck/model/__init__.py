"""The data that flows through the program: frozen structs without behaviour or I/O.

``objects`` mirrors the fields of Kubernetes objects that a diagnosis reads, ``probes`` holds what
was measured, ``evidence`` joins the two for one run, and ``report`` is what the rules conclude.
"""
