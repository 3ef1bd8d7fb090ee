import { LunaDefendError, type LunaDefendErrorCode } from './errors.ts'

/** What the frame asks the app's server to sign: its key's thumbprint (RFC 7638) and the Tokenizer's challenge. */
export interface AssertionRequest {
  readonly thumbprint: string
  readonly challenge: string
}

const REFUSALS: Readonly<Record<number, LunaDefendErrorCode>> = {
  401: 'signed-out',
  409: 'relogin',
}

/** Asks the app's own server, as its own user. @throws LunaDefendError `signed-out`, `relogin`, `session-endpoint` */
export async function fetchAssertion(path: string, request: AssertionRequest, signal: AbortSignal) {
  const response = await post(path, request, signal)
  if (!response.ok) throw new LunaDefendError(REFUSALS[response.status] ?? 'session-endpoint')
  const answer: unknown = await response.json().catch(() => null)
  const assertion =
    typeof answer === 'object' && answer !== null && 'assertion' in answer ? answer.assertion : null
  if (typeof assertion !== 'string' || assertion === '' || assertion.length > 4096) {
    throw new LunaDefendError('session-endpoint')
  }
  return assertion
}

async function post(path: string, request: AssertionRequest, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(request),
      credentials: 'same-origin',
      // A login page in place of an answer is no answer.
      redirect: 'error',
      cache: 'no-store',
      signal,
    })
  } catch {
    throw new LunaDefendError('session-endpoint')
  }
}
