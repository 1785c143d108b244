/**
 * The vision encoder: documents, images and video to text pieces with page or time marks. Bytes are identified
 * ({@code media}), read by one reader for each family ({@code document}, {@code image}, {@code video}), recognised where
 * they are pixels ({@code ocr}), put in reading order ({@code layout}) and streamed to the caller ({@code rpc}).
 */
package longreach.vision;
