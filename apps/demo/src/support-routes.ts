import { type Request, type Response, Router } from 'express'
import { beginLogin, requireAccount } from './account-routes.ts'
import type { Account } from './accounts.ts'
import type { Neighbour } from './neighbour.ts'
import { explain, type ProfileNeeds } from './profile-routes.ts'
import { Refusal } from './refusal.ts'
import { readPurpose, readSwitch } from './request-body.ts'
import { type ReadAudit, rolesOf, supporter } from './support.ts'

export interface SupportNeeds extends ProfileNeeds {
  readonly neighbour: () => Promise<Neighbour>
  /** `null` = the log is not at hand. */
  readonly readAudit: ReadAudit | null
}

/** A desk of support: whoever sits there sees the end of a customer's number, and can be stopped. */
export function supportRoutes(needs: SupportNeeds): Router {
  const router = Router()
  router.post('/api/support/enter', async (req, res) => {
    const account = supporter(needs.accounts)
    if (account === null) throw new Refusal('not_found')
    await beginLogin(needs, req, account)
    res.json({ user: { name: account.name } })
  })
  router.post('/api/support/look', async (req, res) => {
    requireSupport(needs, req)
    const purpose = readPurpose(req)
    const { name, token } = await needs.neighbour()
    await explain(needs.vault.allowReading(req.sessionID, [token], purpose))
    res.json({ name, token })
  })
  router.post('/api/support/switch', async (req, res) => {
    requireSupport(needs, req)
    const on = readSwitch(req)
    await explain(on ? needs.vault.stop(req.sessionID) : needs.vault.letGoOn(req.sessionID))
    res.json({ on })
  })
  router.get('/api/support/audit', async (req: Request, res: Response) => {
    requireSupport(needs, req)
    res.json({ rows: (await needs.readAudit?.()) ?? [] })
  })
  return router
}

function requireSupport(needs: SupportNeeds, req: Request): Account {
  const account = requireAccount(needs, req)
  if (!rolesOf(account).includes('support')) throw new Refusal('not_found')
  return account
}
