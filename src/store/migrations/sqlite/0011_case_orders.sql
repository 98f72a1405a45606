-- What the registry was told for a case.
CREATE INDEX order_case ON registry_order (body ->> '$.case', id) WHERE body ->> '$.case' IS NOT NULL;
