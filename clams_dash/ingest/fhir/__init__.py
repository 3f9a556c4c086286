"""Format ``fhir``: HL7 FHIR R4 resources in Bundles, single files or bulk NDJSON, through the fhir.resources models."""
