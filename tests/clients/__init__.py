"""Clients that are generated from the OpenAPI document, each with a program that uses it."""
