import { type ObjectStore, PortFailure } from '@lunadefend/core'
import { openS3, type S3ObjectStore, type S3Options } from './object-store.ts'
import { type Check, type ProbeNeeds, type ProbeReport, probeObjectStore } from './probe.ts'

export interface ProofOptions extends ProbeNeeds {
  /** Told at the start of everything that is not as it should be. */
  readonly report: (check: Check) => void
}

/**
 * An object store that takes no value under a key of its own before it has shown that it encrypts. It is probed at once;
 * when it does not answer then, it is probed again when the first value is to be stored.
 *
 * @throws {PortFailure} `objects_readable`: it keeps values readable
 */
export async function openProvenS3(options: S3Options, needs: ProofOptions): Promise<S3ObjectStore> {
  const prove = () => probeObjectStore(options, needs, 'start')
  const first = await prove()
  const told = first.checks.filter(({ verdict }) => verdict === 'failed' || verdict === 'lacking')
  for (const check of told) needs.report(check)
  if (first.proof === 'readable') throw unproven(first)
  const store = openS3(options)
  return isProven(first) ? store : { ...store, ...provenFirst(store, prove) }
}

function isProven({ proof }: ProbeReport): boolean {
  return proof === 'encrypts' || proof === 'not-needed'
}

type Gated = Pick<ObjectStore, 'presignPut' | 'beginUpload' | 'presignPart' | 'copy'>

function provenFirst(store: ObjectStore, prove: () => Promise<ProbeReport>): Gated {
  let proof: Promise<void> | null = null
  // One probe for all who wait; one that failed is made again for the next.
  const proven = (sseKey: Uint8Array | null): Promise<void> => {
    if (sseKey === null) return Promise.resolve()
    proof ??= prove()
      .then((report) => {
        if (!isProven(report)) throw unproven(report)
      })
      .catch((error) => {
        proof = null
        throw error
      })
    return proof
  }
  return {
    presignPut: (objectKey, sseKey, contentLength) =>
      proven(sseKey).then(() => store.presignPut(objectKey, sseKey, contentLength)),
    beginUpload: (object) => proven(object.sseKey).then(() => store.beginUpload(object)),
    presignPart: (upload, partNumber, sseKey, contentLength) =>
      proven(sseKey).then(() => store.presignPart(upload, partNumber, sseKey, contentLength)),
    copy: (from, to) => proven(to.sseKey).then(() => store.copy(from, to)),
  }
}

function unproven({ proof, checks }: ProbeReport): PortFailure {
  const detail = checks.find(({ verdict }) => verdict === 'failed')?.detail
  const code = proof === 'readable' ? 'objects_readable' : 'objects_unproven'
  return new PortFailure(code, detail ?? undefined)
}
