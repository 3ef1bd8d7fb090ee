// `npm start`: filled in with the wiring of LunaDefend and this app.
export {}
