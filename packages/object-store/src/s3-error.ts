import { writeXml } from './write-xml.ts'

/**
 * The errors this store answers with: S3's codes and statuses.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const ERRORS = {
  AccessDenied: { status: 403, message: 'Access Denied.' },
  AccessForbidden: { status: 403, message: 'CORSResponse: This CORS request is not allowed.' },
  AuthorizationHeaderMalformed: { status: 400, message: 'The authorization header is malformed.' },
  AuthorizationQueryParametersError: { status: 400, message: 'The X-Amz-* query parameters are malformed.' },
  BadDigest: { status: 400, message: 'The digest or checksum you specified did not match what we received.' },
  BadRequest: { status: 400, message: 'The request is not valid HTTP, or not complete.' },
  EntityTooLarge: {
    status: 400,
    message: 'At most 5 GiB can come in one request, and an object can have at most 5 TiB.',
  },
  EntityTooSmall: { status: 400, message: 'Every part but the last must have at least 5 MiB.' },
  IncompleteBody: { status: 400, message: 'The body is shorter than was announced.' },
  InternalError: { status: 500, message: 'We encountered an internal error. Please try again.' },
  InvalidAccessKeyId: { status: 403, message: 'The access key ID you provided does not exist here.' },
  InvalidArgument: { status: 400, message: 'Invalid argument.' },
  InvalidChunkSizeError: { status: 403, message: 'Only the last chunk may have less than 8192 bytes.' },
  InvalidDigest: { status: 400, message: 'The Content-MD5 you specified is not the base64 of 16 bytes.' },
  InvalidEncryptionAlgorithmError: {
    status: 400,
    message: 'The encryption algorithm is not valid. The valid value is AES256.',
  },
  InvalidPart: {
    status: 400,
    message: 'A part is not there, or its etag or checksum is not the one you specified.',
  },
  InvalidPartNumber: { status: 416, message: 'The requested part number is not satisfiable.' },
  InvalidPartOrder: { status: 400, message: 'The parts must be in the order of their numbers, each once.' },
  InvalidRange: { status: 416, message: 'The requested range is not satisfiable.' },
  InvalidRequest: { status: 400, message: 'Invalid request.' },
  InvalidToken: { status: 400, message: 'There are no session tokens here. Send none.' },
  InvalidURI: { status: 400, message: 'The request target could not be parsed.' },
  KeyTooLongError: { status: 400, message: 'A key can have at most 1024 bytes of UTF-8.' },
  MalformedTrailerError: {
    status: 400,
    message: 'The trailers are not well-formed, or not the ones that were announced.',
  },
  MalformedXML: { status: 400, message: 'The XML is not well-formed, or not what this request takes.' },
  MetadataTooLarge: { status: 400, message: 'User metadata can have at most 2048 bytes.' },
  MissingContentLength: { status: 411, message: 'Send a Content-Length header.' },
  NoSuchBucket: { status: 404, message: 'There is no such bucket.' },
  NoSuchKey: { status: 404, message: 'There is no such key.' },
  NoSuchUpload: { status: 404, message: 'There is no such upload under way. It may be complete or aborted.' },
  NotImplemented: { status: 501, message: 'This store does not do what the request asks for.' },
  PreconditionFailed: { status: 412, message: 'At least one of the preconditions did not hold.' },
  RequestHeaderSectionTooLarge: { status: 431, message: 'Target and headers are longer than 16 KiB.' },
  RequestTimeTooSkewed: {
    status: 403,
    message: 'The time of the request and the time of this server are more than 15 minutes apart.',
  },
  RequestTimeout: { status: 408, message: 'The request took too long to arrive.' },
  SignatureDoesNotMatch: {
    status: 403,
    message:
      'The signature does not match. Check the secret key, and that the request is sent as it was signed.',
  },
  XAmzContentSHA256Mismatch: {
    status: 400,
    message: 'The x-amz-content-sha256 you specified did not match what we received.',
  },
} as const satisfies Record<string, { status: number; message: string }>

export type S3ErrorCode = keyof typeof ERRORS

/**
 * A refusal. `message` goes to the client, so it is one of our own sentences, with at most the name of a header or a
 * parameter in it; never a value.
 */
export class S3Error extends Error {
  readonly code: S3ErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(
    code: S3ErrorCode,
    message: string = ERRORS[code].message,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.name = 'S3Error'
    this.code = code
    this.status = ERRORS[code].status
    this.headers = headers
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#RESTErrorResponses */
export function errorDocument(error: S3Error, requestId: string): string {
  return writeXml('Error', { Code: error.code, Message: error.message, RequestId: requestId })
}
