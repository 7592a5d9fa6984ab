"""What a submission may see, use and do."""
