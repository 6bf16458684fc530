// Package dicom reads what a DICOM whole-slide instance says of its picture, and its frames: the VL Whole
// Slide Microscopy Image of DICOM PS3.3 A.32.8. It sits below package slide, which joins instances to a
// slide. It reads no patient's data: elements that are not on its list are skipped, not kept. It writes
// nothing and knows no network.
package dicom
