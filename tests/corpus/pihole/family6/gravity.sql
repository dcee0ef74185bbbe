CREATE TABLE "group" (id INTEGER PRIMARY KEY, enabled BOOLEAN NOT NULL DEFAULT 1, name TEXT UNIQUE NOT NULL, description TEXT);
CREATE TABLE domainlist (id INTEGER PRIMARY KEY, type INTEGER NOT NULL DEFAULT 0, domain TEXT NOT NULL, enabled BOOLEAN NOT NULL DEFAULT 1, comment TEXT);
CREATE TABLE adlist (id INTEGER PRIMARY KEY, type INTEGER NOT NULL DEFAULT 0, address TEXT NOT NULL, enabled BOOLEAN NOT NULL DEFAULT 1, comment TEXT);
CREATE TABLE client (id INTEGER PRIMARY KEY, ip TEXT NOT NULL UNIQUE, comment TEXT);
CREATE TABLE adlist_by_group (adlist_id INTEGER NOT NULL, group_id INTEGER NOT NULL);
CREATE TABLE domainlist_by_group (domainlist_id INTEGER NOT NULL, group_id INTEGER NOT NULL);
CREATE TABLE client_by_group (client_id INTEGER NOT NULL, group_id INTEGER NOT NULL);
CREATE TABLE gravity (domain TEXT NOT NULL, adlist_id INTEGER NOT NULL);
INSERT INTO "group" VALUES (0, 1, 'Default', ''), (1, 1, 'Children''s devices', ''), (2, 1, 'Workshop', ''), (3, 0, 'Old', '');
INSERT INTO adlist VALUES (1, 0, 'https://lists.example.org/ads/hosts.txt', 1, ''), (2, 0, 'https://lists.example.org/games/domains.txt', 1, ''),
  (3, 0, 'http://plain.example.net/list.txt', 1, ''), (4, 0, 'https://lists.example.org/old.txt', 0, ''), (5, 1, 'https://lists.example.org/fine.txt', 1, ''),
  (6, 0, 'https://user:secretword@lists.example.org/paid.txt', 1, ''), (7, 0, 'file:///srv/lists/own.txt', 1, ''), (8, 0, 'https://lists.example.org/nobody.txt', 1, '');
INSERT INTO domainlist VALUES (1, 0, 'shop.example', 1, ''), (2, 1, 'bad.example', 1, ''), (3, 2, '(^|\.)good\.example$', 1, ''), (4, 3, '^ads?[0-9]*\.', 1, ''),
  (5, 3, '^metrics\.;querytype=A,AAAA;reply=NXDOMAIN', 1, ''), (6, 3, '^(.)\1+\.example$', 1, ''), (7, 1, 'night.example', 1, ''), (8, 1, 'off.example', 0, ''),
  (9, 3, '^x;invert', 1, ''), (10, 1, 'bad.example', 1, 'again');
INSERT INTO client VALUES (1, '10.20.0.64/27', ''), (2, '02:00:5E:20:00:11', 'tablet'), (3, '10.20.0.30', ''), (4, ':wlan0', ''), (5, '02:00:5e:ff:ff:ff', ''), (6, '10.20.0.31', '');
INSERT INTO adlist_by_group VALUES (1, 0), (1, 1), (1, 2), (2, 1), (3, 0), (3, 1), (3, 2), (4, 0), (5, 0), (6, 0), (7, 2), (8, 3);
INSERT INTO domainlist_by_group VALUES (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (4, 0), (5, 0), (6, 0), (7, 1), (8, 0), (9, 0), (10, 0), (10, 1), (10, 2);
INSERT INTO client_by_group VALUES (1, 1), (2, 1), (3, 0), (3, 2), (4, 1), (5, 1), (6, 0);
