import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * Sends requests to a server of this machine, each connection one after the other. Plain sockets, so that the client
 * takes little of the time of the machine.
 *
 * @param request its text.
 * @param expected a part of each answer. The answers must be so short that each arrives as a whole.
 * @returns the seconds that all of them took, and the latency of each in ms, sorted.
 */
export async function load({ port, connections, requests, request, expected }) {
  let left = requests;
  const latencies = [];
  const sockets = Array.from({ length: connections }, () => connect(port, '127.0.0.1').setNoDelay());
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const sendAll = (socket) =>
    new Promise((resolve, reject) => {
      let sentAt;
      const next = () => {
        if (left-- <= 0) return resolve();
        sentAt = performance.now();
        socket.write(request);
      };
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('The server has closed a connection')));
      socket.on('data', (data) => {
        latencies.push(performance.now() - sentAt);
        if (data.includes(expected)) next();
        else reject(new Error(`Expected an answer with ${expected}, got ${data}`));
      });
      next();
    });
  const from = performance.now();
  await Promise.all(sockets.map(sendAll));
  const seconds = (performance.now() - from) / 1000;
  for (const socket of sockets) socket.destroy();
  return { seconds, latencies: latencies.toSorted((a, b) => a - b) };
}
