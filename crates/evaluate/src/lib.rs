//! Metrics and charts
