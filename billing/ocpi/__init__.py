"""OCPI 2.2.1 and 2.3.0 objects as JSON files: read with every mistake named, and priced by the contract's price()."""
