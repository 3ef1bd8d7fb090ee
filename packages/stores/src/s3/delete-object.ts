import { PortFailure } from '@lunadefend/core'
import { endless } from './multipart.ts'
import { type Caller, refusal } from './signed-calls.ts'
import { elementsOf, isTruncated, optionalTextOf, readDocument, textOf } from './xml-answer.ts'

/**
 * Deletes the object and, where the bucket keeps versions, every one of them: what was only covered by a delete marker
 * can be brought back.
 */
export async function deleteObject(call: Caller, objectKey: string): Promise<void> {
  const request = { method: 'DELETE', objectKey, repeatable: true } as const
  const answer = await call(request)
  // Not every 404 is an object that is gone: without its code it can be a missing bucket, or a proxy.
  const gone = answer.status === 204 || answer.status === 200 || answer.code === 'NoSuchKey'
  if (!gone) throw refusal(request, answer)
  const keepsVersions = answer.header('x-amz-version-id') ?? answer.header('x-amz-delete-marker')
  if (keepsVersions !== null) await deleteVersions(call, objectKey)
}

/** Pages of 1,000. An object's name is given once, so it has a handful of versions. */
const MAX_PAGES = 100

async function deleteVersions(call: Caller, objectKey: string): Promise<void> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const { versions, more } = await listVersions(call, objectKey)
    for (const versionId of versions) await deleteVersion(call, objectKey, versionId)
    // What was listed is gone, so the next page is the first one again.
    if (!more || versions.length === 0) return
  }
  throw endless()
}

async function listVersions(call: Caller, objectKey: string) {
  const query = { versions: '', prefix: objectKey, 'max-keys': '1000' }
  const answer = await call({ method: 'GET', objectKey: '', query, repeatable: true })
  if (answer.status !== 200) throw notAllowed('ListBucketVersions', answer.status)
  const list = readDocument(answer.text, 'ListVersionsResult')
  const versions = [...elementsOf(list, 'Version'), ...elementsOf(list, 'DeleteMarker')]
    .filter((version) => textOf(version, 'Key') === objectKey)
    .map((version) => optionalTextOf(version, 'VersionId') ?? 'null')
  return { versions, more: isTruncated(list) }
}

async function deleteVersion(call: Caller, objectKey: string, versionId: string): Promise<void> {
  const { status } = await call({ method: 'DELETE', objectKey, query: { versionId }, repeatable: true })
  if (status !== 204 && status !== 200 && status !== 404) throw notAllowed('DeleteObjectVersion', status)
}

function notAllowed(action: string, status: number): PortFailure {
  return new PortFailure(
    'objects_refused',
    `The bucket keeps versions, and it answered ${status} to removing one: switch versioning off, or allow ${action}.`,
  )
}
