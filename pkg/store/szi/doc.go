// Package szi keeps a pyramid in one object instead of many thousands: a zip file, stored without
// compression, that holds a Deep Zoom image (SZI, as vips and many viewers read it). Create streams one into
// any store.Bucket; New makes a Bucket that finds tiles in the archives of another one, by range, under
// the same keys as if each lay there by itself.
//
// A slide's pyramid is one archive, and so are the two of a run. Each holds tiles of one kind, and an archive with
// others in it is damaged.
//
// It decides nothing about tiles: their order is the caller's, and equal tiles in equal order give equal
// archives. It reads its own archives only (no compression, no encryption, no comments); any zip program
// reads them too.
package szi
