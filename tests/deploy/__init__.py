"""Proofs of what is in `deploy/`, on real machines: `make test-deploy`. They need root, and what `.ci/run` installs."""
