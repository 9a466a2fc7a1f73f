import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { close, n, open, ready } from './part.js';

class Part {
  onModuleInit = open;
  onApplicationShutdown = close;
}

class AppModule {}
Module({ providers: Array.from({ length: n }, (_, i) => ({ provide: `part ${i}`, useClass: Part })) })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
ready();
// Nest alone keeps no process open; a server does.
setInterval(() => {}, 1000);
