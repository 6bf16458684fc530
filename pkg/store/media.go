package store

import "path"

// mediaTypes is never written to.
var mediaTypes = map[string]string{
	".json":    "application/json",
	".geojson": "application/geo+json",
	".html":    "text/html; charset=utf-8",
	".dzi":     "application/xml",
	".szi":     "application/zip",
	".jpeg":    "image/jpeg",
	".png":     "image/png",
	".tiff":    "image/tiff",
}

// MediaType is the media type of the object under key, as HTTP and S3 want it.
func MediaType(key string) string {
	if t, ok := mediaTypes[path.Ext(key)]; ok {
		return t
	}
	return "application/octet-stream"
}
