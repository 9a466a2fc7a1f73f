/** A row of the table of tenants. */
export interface TenantRow {
  readonly id: string;
  /** The place of the tenant's data. */
  readonly region: string;
  /** The schedule of the tenant's imports: a cron expression. */
  readonly schedule: string;
  /** The IANA time zone of the schedule. */
  readonly timezone: string;
  /** Whether imports are paused. */
  readonly paused: boolean;
}

/** A table that other programs and people edit. */
export interface TenantTable {
  rows(): Promise<readonly TenantRow[]>;
}
