// Pieces of the found pages are fetched to be shown in the list of results. From a folder that is
// opened as a file nothing can be fetched, so there the list shows titles alone.
DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";
