-- A chain whose home is elsewhere stands for nobody here.
ALTER TABLE chains ADD COLUMN home TEXT; -- the home server's name in lower case; NULL until it was read from events that were stored before; changes with moves

-- The keys that stand for a chain: few, however many it had.
CREATE INDEX chain_keys_standing ON chain_keys (chain) WHERE is_active;

-- Logs are read anew from their beginning, for the homes of chains that were followed before.
UPDATE followed SET log_index = 0;
