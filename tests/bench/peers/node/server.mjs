// SPDX-License-Identifier: MIT
// A plain chat server with the package ws, for comparison: node server.mjs PORT WS-MODULE. Each message is made once
// and sent to each member of its room. No accounts, no store, no answers.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [port, module] = process.argv.slice(2);
const { WebSocketServer } = await import(pathToFileURL(module));
const rooms = new Map();
let count = 0;

function roomOf(name) {
    if (!rooms.has(name)) rooms.set(name, { name, seq: 0, members: new Set() });
    return rooms.get(name);
}

function textOf(data) {
    try {
        const { text } = JSON.parse(data);
        return typeof text === "string" ? text : "";
    } catch {
        return "";
    }
}

function say(room, user, text) {
    const message = { user, room: room.name, text, typing: false, seq: ++room.seq, ts: Date.now() };
    const payload = Buffer.from(JSON.stringify(message));
    for (const member of room.members) member.send(payload, { binary: false });
}

function join(socket, request) {
    const room = roomOf(new URL(request.url, "http://localhost").searchParams.get("room") ?? "general");
    const user = `u${++count}`;
    room.members.add(socket);
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
        room.members.delete(socket);
        if (room.members.size === 0) rooms.delete(room.name);
    });
    socket.on("message", (data) => {
        const text = textOf(data);
        if (text) say(room, user, text);
    });
}

const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on("connection", join);
server.listen(Number(port), "127.0.0.1", 4096);
