//! Web pages for the whole line from data to a served model.
