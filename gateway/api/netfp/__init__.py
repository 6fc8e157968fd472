"""The HTTP interface of ErpNet.FP, so that its clients print here unchanged: docs/netfp.md."""
