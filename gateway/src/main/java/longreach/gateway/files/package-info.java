/** The file service: uploads, content and metadata on disk, and their way from PROCESSING to ACTIVE or FAILED. */
package longreach.gateway.files;
