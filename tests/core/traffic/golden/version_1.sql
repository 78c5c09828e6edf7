BEGIN TRANSACTION;
CREATE TABLE router_calls (
	id INTEGER NOT NULL, 
	time DOUBLE NOT NULL, 
	run TEXT NOT NULL, 
	routed TEXT NOT NULL, 
	answered TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	conversation TEXT, 
	query_hash BIGINT, 
	score DOUBLE, 
	threshold DOUBLE, 
	input_tokens INTEGER, 
	output_tokens INTEGER, 
	cost DOUBLE, 
	latency DOUBLE, 
	error TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "router_calls" VALUES(1,1.5,'golden','small','large','fallback','c0ffee',-1,0.75,0.5,12,3,0.001,0.8,'TimeoutError');
CREATE TABLE router_events (
	id INTEGER NOT NULL, 
	time DOUBLE NOT NULL, 
	kind TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "router_events" VALUES(1,3.5,'alarm','{"level":0.05}');
CREATE TABLE router_labels (
	id INTEGER NOT NULL, 
	time DOUBLE NOT NULL, 
	run TEXT NOT NULL, 
	arm TEXT NOT NULL, 
	quality DOUBLE, 
	source TEXT NOT NULL, 
	metric TEXT, 
	probability DOUBLE, 
	PRIMARY KEY (id)
);
INSERT INTO "router_labels" VALUES(1,2.5,'golden','small',0.5,'shadow','judge',0.1);
CREATE TABLE router_store (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "router_store" VALUES('version','1');
CREATE TABLE router_texts (
	id INTEGER NOT NULL, 
	time DOUBLE NOT NULL, 
	run TEXT NOT NULL, 
	messages TEXT, 
	answers TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "router_texts" VALUES(1,1.5,'golden','[{"role":"user","content":"Where is Köln?"}]','{"small":"Germany"}');
CREATE TABLE router_writers (
	writer TEXT NOT NULL, 
	batch BIGINT NOT NULL, 
	time DOUBLE NOT NULL, 
	PRIMARY KEY (writer)
);
INSERT INTO "router_writers" VALUES('w',1,1.79593628309212589256e+09);
CREATE INDEX router_calls_time ON router_calls (time);
CREATE INDEX router_calls_run ON router_calls (run);
CREATE INDEX router_labels_time ON router_labels (time);
CREATE INDEX router_labels_run ON router_labels (run);
CREATE INDEX router_events_time ON router_events (time);
CREATE INDEX router_texts_run ON router_texts (run);
COMMIT;
