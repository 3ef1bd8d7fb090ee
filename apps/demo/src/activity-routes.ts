import { Router } from 'express'
import { type AccountNeeds, requireAccount } from './account-routes.ts'

/** `GET /api/activity`: what happened in this login, as server-sent events; first the past, then the present. */
export function activityRoutes(needs: AccountNeeds): Router {
  const router = Router()
  router.get('/api/activity', (req, res) => {
    requireAccount(needs, req)
    res.set('Content-Type', 'text/event-stream').flushHeaders()
    const stop = needs.activity.listen(req.sessionID, (event) => {
      res.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`)
    })
    res.on('close', stop)
  })
  return router
}
