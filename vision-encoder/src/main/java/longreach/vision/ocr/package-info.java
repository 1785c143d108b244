/** Text recognition: find regions of text in an image, lay each flat, read it. Runs PP-OCRv4 in ONNX Runtime. */
package longreach.vision.ocr;
