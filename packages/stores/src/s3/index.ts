export { DOWNLOAD_SECONDS, openS3, type S3Options, UPLOAD_SECONDS } from './object-store.ts'
