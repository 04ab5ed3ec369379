-- The shop's own database, as its first migration makes it.
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    email_token VARCHAR(80) UNIQUE, -- null once the customer is erased
    display_name VARCHAR(80),
    language CHAR(2) NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    street VARCHAR(120) NOT NULL,
    city VARCHAR(80) NOT NULL,
    postal_code VARCHAR(12) NOT NULL,
    country CHAR(2) NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    address_id INTEGER REFERENCES addresses (id),
    placed_at TIMESTAMP NOT NULL,
    total_cents INTEGER NOT NULL
);
CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    isbn CHAR(13) NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (order_id, isbn)
);
CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    card_token VARCHAR(80) NOT NULL,
    card_last_four CHAR(4) NOT NULL,
    paid_at TIMESTAMP
);
CREATE TABLE invoices (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    order_id INTEGER NOT NULL REFERENCES orders (id),
    issued_on DATE NOT NULL,
    billed_to VARCHAR(80) NOT NULL,
    billing_address VARCHAR(200) NOT NULL,
    total_cents INTEGER NOT NULL
);
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER REFERENCES customers (id),
    isbn CHAR(13) NOT NULL,
    text VARCHAR(4000) NOT NULL,
    written_at TIMESTAMP NOT NULL
);
