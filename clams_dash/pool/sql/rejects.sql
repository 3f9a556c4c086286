SELECT * FROM reject ORDER BY batch_id DESC, severity, table_name, source_file, source_row
