"""Other backends, with the same data, settings and requests as Larder in benchmarks/comparison."""
