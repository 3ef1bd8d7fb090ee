/** The parts that the body of a CompleteMultipartUpload asks for. */
import { algorithmOfElement, type ChecksumAlgorithm, checksumElement, parseChecksum } from './checksums.ts'
import { MAX_PART_NUMBER, parsePartNumber } from './parameters.ts'
import { elements, readXml, textOf, type XmlElement } from './read-xml.ts'
import { S3Error } from './s3-error.ts'

export interface PartWish {
  readonly number: number
  /** Without quotation marks. */
  readonly etag: string
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null
}

/** @throws {S3Error} `MalformedXML`, `InvalidArgument`, `InvalidPart`, or `InvalidPartOrder` */
export function readPartWishes(document: Uint8Array): PartWish[] {
  const wishes = elements(readXml(document, 'CompleteMultipartUpload'), 'Part').map(readWish)
  if (wishes.length === 0 || wishes.length > MAX_PART_NUMBER) throw new S3Error('MalformedXML')
  const isSorted = wishes.every(({ number }, i) => i === 0 || number > (wishes[i - 1]?.number ?? 0))
  if (!isSorted) throw new S3Error('InvalidPartOrder')
  return wishes
}

function readWish(fields: Readonly<Record<string, readonly XmlElement[]>>): PartWish {
  const [number, quoted] = [textOf(fields, 'PartNumber'), textOf(fields, 'ETag')]
  if (number === null || quoted === null) throw new S3Error('MalformedXML')
  const etag = quoted.replace(/^"(.*)"$/, '$1')
  if (!/^[0-9a-f]{32}$/.test(etag)) throw new S3Error('InvalidPart')
  return { number: parsePartNumber(number), etag, checksum: readChecksum(fields) }
}

function readChecksum(fields: Readonly<Record<string, readonly XmlElement[]>>): PartWish['checksum'] {
  const [algorithm, ...more] = Object.keys(fields).flatMap((name) => algorithmOfElement(name) ?? [])
  if (algorithm === undefined) return null
  if (more.length > 0) throw new S3Error('InvalidRequest', 'A part can have one checksum.')
  return { algorithm, value: parseChecksum(algorithm, textOf(fields, checksumElement(algorithm)) ?? '') }
}
