import { LunaDefendClientError } from '@lunadefend/node-sdk'
import { type Request, Router } from 'express'
import { type AccountNeeds, requireAccount } from './account-routes.ts'
import type { Profile, Profiles } from './profiles.ts'
import { Refusal } from './refusal.ts'
import { readProfileForm } from './request-body.ts'

export interface ProfileNeeds extends AccountNeeds {
  readonly profiles: Profiles
}

export function profileRoutes(needs: ProfileNeeds): Router {
  const router = Router()
  router.get('/api/profile', async (req, res) => {
    res.json(await readProfile(needs, req))
  })
  router.post('/api/profile', async (req, res) => {
    res.json(await saveProfile(needs, req))
  })
  return router
}

/** The row, after the Tokenizer was told that this login may read what is in it. */
async function readProfile({ activity, vault, ...needs }: ProfileNeeds, req: Request): Promise<Profile> {
  const account = requireAccount(needs, req)
  const { version: _, ...profile } = needs.profiles.read(account.id)
  const tokens = [profile.ssn, profile.notes].filter((token) => token !== '')
  await explain(vault.allowReading(req.sessionID, tokens))
  activity.add(req.sessionID, { kind: 'sent', request: 'GET /api/profile', body: profile })
  return profile
}

/** Verify, store, let read, and only then throw away what was replaced. */
async function saveProfile({ activity, vault, ...needs }: ProfileNeeds, req: Request): Promise<Profile> {
  const account = requireAccount(needs, req)
  const login = req.sessionID
  const form = readProfileForm(req)
  activity.add(login, { kind: 'received', request: 'POST /api/profile', body: form })
  const stored = needs.profiles.read(account.id)
  await explain(vault.verify(login, form, stored))
  const saved = needs.profiles.replace(account.id, form, stored.version)
  if (saved === null) throw new Refusal('changed_elsewhere')
  activity.add(login, { kind: 'stored', table: 'profiles', row: needs.profiles.rawRow(account.id) })
  for (const token of needs.profiles.replacedTokens(account.id)) {
    // What could not be deleted stays on the list and is tried again after the next save. It fails no save.
    if (await vault.deleteToken(login, token)) needs.profiles.forgetReplaced(token)
  }
  return form
}

const BAD_TOKENS: readonly string[] = ['not_granted', 'invalid_token', 'missing_token', 'access_denied']

/** Turns what LunaDefend says into what this app says. */
export async function explain(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof LunaDefendClientError)) throw error
    throw new Refusal(BAD_TOKENS.includes(error.code) ? 'token_refused' : 'vault_unavailable')
  }
}
