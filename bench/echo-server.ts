import Fastify from 'fastify'

/** The reference: a bare Fastify that parses a body and sends it back. */
const server = Fastify()
server.post('/echo', async (request) => request.body)
process.send?.({ url: await server.listen({ port: 0, host: '127.0.0.1' }) })
process.once('disconnect', () => process.exit())
